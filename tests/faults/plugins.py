"""Methods that misbehave, each in its own way: bodies of `fit(self, train, context)`."""

from __future__ import annotations

BODIES = {
    "raises": "raise ValueError('bad')",
    "exits": "raise SystemExit(0)",
    "leaves": "import sys; sys.exit(3)",
    "cancels": "import asyncio; raise asyncio.CancelledError",
    "generator": "raise GeneratorExit",
    "stops": "raise StopIteration",
    "panics": "class P(BaseException): pass\n        raise P('index out of range')",
    "memory": "raise MemoryError",
    "recursion": "return self.fit(train, context)",
    "strange": "raise ValueError('caf\\udce9 \\x1b[31m \\x00')",
    "no-text": "class E(Exception):\n            def __str__(self): return ''\n        raise E",
    "no-fit": "return None",
    "no-grad": "super().fit(train, context); torch.set_grad_enabled(False)",
    "double": "super().fit(train, context); torch.set_default_dtype(torch.float64)",
    "denormal": "super().fit(train, context); torch.set_flush_denormal(True)",
    "medium": "super().fit(train, context); torch.set_float32_matmul_precision('medium')",
    "mkldnn": "super().fit(train, context); torch._C._set_mkldnn_enabled(False)",
    "threads": "super().fit(train, context); torch.set_num_threads(2)",
    "benchmark": "super().fit(train, context); torch.backends.cudnn.benchmark = True",
    "seeds": "torch.manual_seed(7); np.random.seed(7); random.seed(7); super().fit(train, context)",
    "draws": "torch.rand(9); np.random.rand(9); random.random(); super().fit(train, context)",
    "spoils-images": "super().fit(train, context); train.images.levels[0].zero_()",
    "spoils-labels": "super().fit(train, context); train.labels.zero_()",
    "nan": "super().fit(train, context); [p.data.fill_(float('nan')) for p in self.learner.network.parameters()]",
    "warns": "import warnings; warnings.warn('odd'); super().fit(train, context)",
    "prints": "print('x' * 99); super().fit(train, context)",
    "closes": "import sys; sys.stdin and sys.stdin.close(); super().fit(train, context)",
    "moves": "import os; os.chdir('/'); super().fit(train, context)",
    "forgets": "import os; os.environ.pop('HOME', None); super().fit(train, context)",
    "endless": "while True: pass",
}


def source(names: list[str]) -> str:
    """Return a plug-in with a method of each body, called `odd-` and its name."""
    parts = ["import random\nimport numpy as np\nimport torch\nfrom methods import NetworkMethod, register\n"]
    for name in names:
        parts.append(
            f"@register('odd-{name}', family='baseline', source='a test')\n"
            f"class Odd{name.title().replace('-', '')}(NetworkMethod):\n"
            f"    def fit(self, train, context):\n        {BODIES[name]}\n"
        )
    return "\n".join(parts)
