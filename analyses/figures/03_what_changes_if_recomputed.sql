-- 用原始数据重算后，哪些城市的总积分变动最大，因为哪个变量？
-- Whose totals change most when scores are recomputed, and by which variable?
--
-- Learn: arg_max by absolute size picks the part that moved most.
-- Read: changes have three causes that the numbers cannot tell apart: other figures than the report's,
-- figures a year older, or a mistake on either side. `points` are those of the variable alone.

with largest as (
    select
        parts.city_code,
        arg_max(variables.variable_zh, abs(parts.score_change)) as variable_zh,
        arg_max(parts.score_change, abs(parts.score_change)) as points
    from marts.edition_change_parts as parts
    inner join marts.dim_variables as variables using (variable_code)
    where parts.from_edition = '2025' and parts.to_edition = '2025-recomputed'
    group by parts.city_code
)

select
    cities.city_zh,
    cities.city_en,
    changes.score_from,
    changes.score_to,
    changes.score_change,
    changes.rank_from,
    changes.rank_to,
    largest.variable_zh,
    largest.points
from marts.edition_changes as changes
inner join marts.dim_cities as cities using (city_code)
inner join largest using (city_code)
where changes.from_edition = '2025' and changes.to_edition = '2025-recomputed'
order by abs(changes.score_change) desc, cities.city_code
limit 6
