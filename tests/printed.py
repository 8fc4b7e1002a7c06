"""The seeds and the printed tables, read for tests by another way than that of the models."""

import pandas as pd
from conftest import ROOT


def seed(name: str) -> pd.DataFrame:
    """A seed as a table of text, so that nothing is guessed."""
    return pd.read_csv(ROOT / "seeds" / f"{name}.csv", dtype=str, keep_default_na=False)


def printed_table(dimension: str) -> pd.DataFrame:
    """The printed variable scores of a dimension by city code and variable code, wrong labels corrected."""
    table = seed(f"published/published_{dimension}")
    for erratum in seed("published/published_errata").to_dict("records"):
        if erratum["table_code"] == dimension:
            row = table["row_no"] == erratum["row_no"]
            assert list(table.loc[row, erratum["heading"]]) == [erratum["printed_value"]]
            table.loc[row, erratum["heading"]] = erratum["corrected_value"]
    codes = seed("reference/cities").set_index("city_zh")["city_code"]
    variables = seed("reference/variables").query("dimension_code == @dimension")
    scores = table[list(variables["variable_zh"])].astype(int)
    scores.columns = pd.Index(variables["variable_code"])
    scores.index = pd.Index(codes.loc[table["城市"]], name="city_code")
    return scores.sort_index()
