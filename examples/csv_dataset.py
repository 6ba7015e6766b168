"""A dataset of your own: photographs of a clinic, listed in a CSV file with columns file, finding and patient."""

import csv
from pathlib import Path

import datasets


@datasets.register("clinic")
class Clinic(datasets.FileDataset):
    """Images of one patient stay on one side of the split."""

    description = "photographs of a clinic, with and without a finding"
    licence = "not to be shared"
    source = "the clinic"

    table: Path = Path("clinic/findings.csv")
    """The CSV file; images are beside it."""

    def listing(self) -> datasets.Listing:
        if not self.table.is_file():
            raise datasets.DatasetUnavailable(f"dataset {self.name}: there is no {self.table}; {self.steps()}")
        rows = list(csv.DictReader(self.table.read_text().splitlines()))
        columns = ([row[column] for row in rows] for column in ("file", "finding", "patient"))
        return datasets.Listing.of(self.table.parent, *columns, besides=[self.table])

    def steps(self) -> str:
        return "run from the folder that holds clinic/, or set its parameter table"
