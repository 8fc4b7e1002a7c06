-- 差距主要来自哪几个变量？（泉州与上一梯队）
-- Which few variables make up most of the distance of Quanzhou to the next tier?
--
-- Learn: a running share: the sum so far and the sum of all, each a window over the same rows.
-- Read: percent is of all points lost, before the city's own leads are set against them: the gap itself is
-- smaller. The rows end where half of the lost points are told.

with asked as (
    select '泉州' as city_zh
),

lost as (
    select
        variables.variable_no,
        variables.variable_zh,
        variables.variable_en,
        parts.score,
        parts.target_score,
        parts.difference,
        sum(parts.difference) over (order by parts.difference desc, variables.variable_no) as so_far,
        sum(parts.difference) over () as lost_points
    from marts.score_gap_parts as parts
    inner join marts.dim_cities as cities using (city_code)
    inner join marts.dim_variables as variables using (variable_code)
    inner join asked using (city_zh)
    where parts.edition = '2025' and parts.target = 'next_tier' and parts.difference > 0
)

select
    variable_zh,
    variable_en,
    score,
    target_score,
    difference,
    round(100.0 * so_far / lost_points, 1) as percent_so_far
from lost
where so_far - difference < 0.5 * lost_points
order by difference desc, variable_no
