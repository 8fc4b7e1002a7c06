"""Weights under which a city is first, or the mixture of other cities that forbids it.

For each city a linear program looks for the weights with the greatest lead over the best other city. If that lead is
negative, the program's dual is a mixture of other cities that is better in every dimension, so no weights help. If
not, the weights nearest to equal ones are taken. Nothing here is taken on trust: the marts that read this table
compute leads and mixtures again, in integers.
"""

import math
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np
from scipy.linalg import null_space
from scipy.optimize import linprog, nnls

PARTS = 1_000_000_000
LEAD = 0.01  # points of the total under weights of mean 1
ROUNDING = 1e-9


def widest_lead(differences: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The greatest least lead that weights can give, these weights, and the mixture of the others that bounds it.

    `differences` has a row for each other city: what the city has more than it, by dimension.
    """
    others, dimensions = differences.shape
    found = linprog(
        c=np.append(np.zeros(dimensions), -1),
        A_ub=np.column_stack([-differences, np.ones(others)]),
        b_ub=np.zeros(others),
        A_eq=[np.append(np.ones(dimensions), 0)],
        b_eq=[1],
        bounds=[(0, None)] * dimensions + [(None, None)],
        method="highs",
    )
    if not found.success:
        raise ArithmeticError(found.message)
    return -found.fun, found.x[:-1], -found.ineqlin.marginals


def nearest_to_equal(differences: np.ndarray, lead: float) -> np.ndarray:
    """Of all weights that give at least this lead, those nearest to equal ones in the ordinary distance.

    Least-distance programming after Lawson and Hanson: minimise |z| subject to G z >= h by non-negative least squares.
    `z` moves the weights within the plane on which they sum to 1.
    """
    dimensions = differences.shape[1]
    plane = null_space(np.ones((1, dimensions)))
    equal = np.full(dimensions, 1 / dimensions)
    scale = max(1.0, np.abs(differences).max())
    bounds = np.vstack([plane, differences @ plane / scale])
    limits = np.append(-equal, (lead - differences @ equal) / scale)
    system = np.vstack([bounds.T, limits])
    target = np.append(np.zeros(dimensions - 1), 1)
    solution, _ = nnls(system, target, maxiter=100 * system.shape[1])
    residual = system @ solution - target
    return equal + plane @ (-residual[:-1] / residual[-1])


def in_parts(shares: np.ndarray) -> np.ndarray:
    """Shares as whole parts of a billion; what rounding leaves over goes where it cut off most."""
    exact = np.clip(shares, 0, None)
    exact = exact / exact.sum() * PARTS
    parts = np.floor(exact).astype(np.int64)
    most_cut = np.argsort(parts - exact, kind="stable")[: PARTS - int(parts.sum())]
    parts[most_cut] += 1
    return parts


def in_fractions(shares: np.ndarray) -> np.ndarray:
    """Shares as whole parts of their common denominator: a city that can only be level with others must be so exactly."""
    fractions = [Fraction(share).limit_denominator(1000) for share in shares]
    whole = math.lcm(*(fraction.denominator for fraction in fractions))
    if whole > PARTS or sum(fractions) != 1:
        return in_parts(shares)
    return np.array([int(fraction * whole) for fraction in fractions])


def program(scores: np.ndarray, place: int) -> tuple[str, np.ndarray]:
    """What decides whether the city in a row can be first: the `weight` of dimensions or the `share` of other cities."""
    others = np.delete(scores, place, axis=0)
    dimensions = scores.shape[1]
    if not len(others):
        return "weight", in_parts(np.ones(dimensions))
    differences = scores[place] - others
    lead, weights, mixture = widest_lead(differences)
    if lead < -ROUNDING:
        return "share", in_parts(mixture)
    if lead * dimensions > LEAD:
        return "weight", in_parts(nearest_to_equal(differences, LEAD / dimensions))
    return "weight", in_fractions(weights)


def model(dbt: Any, session: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row for each city and weight, or share above nothing."""
    cells = dbt.ref("fct_dimension_scores").project("edition, city_code, dimension_code, score").fetchall()
    rows = []
    for edition in sorted({cell[0] for cell in cells}):
        found = {(city, dimension): score for name, city, dimension, score in cells if name == edition}
        cities, dimensions = (sorted(codes) for codes in map(set, zip(*found, strict=True)))
        scores = np.array(
            [[found[city, dimension] for dimension in dimensions] for city in cities], dtype=float
        )
        for place, city in enumerate(cities):
            kind, parts = program(scores, place)
            codes = dimensions if kind == "weight" else cities[:place] + cities[place + 1 :]
            rows += [
                (edition, city, kind, code, int(part))
                for code, part in zip(codes, parts, strict=True)
                if kind == "weight" or part
            ]
    columns = list(zip(*rows, strict=True)) or [()] * 5
    # a relation rather than a pandas frame: importing pandas takes longer than all the programs
    return session.sql(
        """
        select
            unnest($1::varchar[]) as edition,
            unnest($2::varchar[]) as city_code,
            unnest($3::varchar[]) as certificate,
            unnest($4::varchar[]) as code,
            unnest($5::bigint[]) as parts
        """,
        params=[list(column) for column in columns],
    )
