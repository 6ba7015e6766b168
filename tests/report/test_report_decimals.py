"""No more decimals than the data carry: what chance moves by more than a point to either side has none."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.report.data.loading import collect
from benchmarks.report.data.names import METRICS
from benchmarks.report.data.points import points
from benchmarks.report.statistics.decimals import carried, of_points, signed
from benchmarks.report.tables.tables import dataset_tables
from tests.report.synthetic import cell, record, write

ACCURACY = METRICS["accuracy"]


@pytest.mark.parametrize(("width", "shown"), [(0.0199, "78.7"), (0.02, "79"), (np.nan, "79"), (np.inf, "79")])
def test_a_decimal_is_written_where_chance_moves_less_than_a_point_to_either_side(width, shown):
    assert carried(ACCURACY, width).text(0.787) == shown


def test_every_metric_loses_its_tenth_of_a_point():
    assert carried(METRICS["roc_auc"], 0.5).text(0.8514) == "0.85"
    assert carried(METRICS["roc_auc"], 0.01).text(0.8514) == "0.851"
    assert signed(-0.004, carried(ACCURACY, 0.5)) == "+0", "what rounds to nothing has no sign of loss"


@pytest.mark.parametrize(("spread", "decimals"), [(0.003, 1), (0.005, 0)])
def test_a_table_is_written_alike_by_the_middle_one_of_its_intervals(tmp_path, spread, decimals):
    """Three seeds, sd s: the interval is 2 t(.975, 2) s / sqrt 3 = 4.968 s wide, 1.5 and 2.5 points."""
    rows = {"focal": [-spread, 0, spread], "crt": [-spread, 0, spread], "cdt": [-0.1, 0, 0.1]}
    records = [record(cell("elpv", 20, s, x), 0.85 + d) for x, line in rows.items() for s, d in enumerate(line)]
    collection = collect([write(tmp_path, records)])
    (table,) = dataset_tables(points(collection), collection, "accuracy")
    means = {entries[0].mean for _, _, entries in table.rows}
    assert means == ({"85.0"} if decimals else {"85"})


def test_of_one_seed_the_test_images_say_what_is_carried():
    """The interval of a share of 0.9 is 2 x 1.96 x 0.3 / sqrt n wide: 1.9 points with 3900 images, 2.0 with 3400."""
    one = pd.DataFrame({"accuracy": [0.9], "accuracy_sd": [np.nan], "accuracy_n": [1]})
    assert of_points(one.assign(tested=3900), "accuracy").decimals == 1
    assert of_points(one.assign(tested=3400), "accuracy").decimals == 0
