-- 青岛与大连相比，差别最大的变量是哪些？
-- In which variables do Qingdao and Dalian differ most?
--
-- Learn: both cities stand at the top; an aggregate with filter puts each in a column of its own.
-- Read: a positive difference is a lead of the first city. The widest that there can be is 59, from the last
-- place to the first.

with asked as (
    select
        '青岛' as first_city,
        '大连' as second_city
),

pairs as (
    select
        scores.variable_code,
        max(scores.score) filter (where cities.city_zh = asked.first_city) as first_score,
        max(scores.score) filter (where cities.city_zh = asked.second_city) as second_score
    from marts.fct_variable_scores as scores
    inner join marts.dim_cities as cities using (city_code)
    inner join asked on cities.city_zh in (asked.first_city, asked.second_city)
    where scores.edition = '2025'
    group by scores.variable_code
)

select
    dimensions.dimension_zh,
    variables.variable_zh,
    variables.variable_en,
    pairs.first_score,
    pairs.second_score,
    pairs.first_score - pairs.second_score as difference
from pairs
inner join marts.dim_variables as variables using (variable_code)
inner join marts.dim_dimensions as dimensions using (dimension_code)
order by abs(difference) desc, variables.variable_no
limit 10
