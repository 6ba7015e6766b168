"""What means hide is counted from the confusion matrices."""

from benchmarks.report.data.loading import collect
from benchmarks.report.summary.health import health, reliability_tables, sentence
from tests.report.synthetic import cell, record, write


def test_collapsed_cells_the_worst_seed_and_seeds_near_chance(tmp_path):
    recalls = {0: (1.0, 0.9), 1: (1.0, 0.1), 2: (1.0, 0.0)}
    records = [record(cell("elpv", 20, s, "focal"), sum(r) / 2, r) for s, r in recalls.items()]
    records += [record(cell("elpv", 20, s, "crt"), 0.9) for s in recalls]
    (found,) = health(collect([write(tmp_path, records)]).frame)
    # 100 images a class, two classes: one image is half a point; the floor is 50 % and 10 points
    assert (found.images, found.one_image, found.floor) == ((100, 100), 0.5, 0.6)
    text = sentence(found, "focal")
    assert "one of which is 0.5 points" in text
    assert "The worst of 3 cells of focal: 50 (seed 2, IR 20); 2 of them below 60" in text
    assert "1 with one class predicted; over all methods 2 and 1 of 6." in text
    (table,) = reliability_tables([found])
    rows = {label: [entry.plain for entry in entries] for _, label, entries in table.rows}
    assert rows["focal"] == ["3", "1", "2", "50 (IR 20)"]
