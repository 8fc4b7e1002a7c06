-- 怎样把一个维度的五个变量排成一张表？以消费活力为例。
-- How do I lay out the five variables of a dimension side by side, for consumer vitality?
--
-- Learn: pivot finds the columns itself; group by says what a row is.
-- Read: cities of rank 8 or better in the dimension. Columns come in the order of their names, not of the
-- report. Each variable gives 60 points at most.

with scores as (
    select
        dimension_scores.rank,
        cities.city_code,
        cities.city_zh,
        dimension_scores.score as dimension_score,
        variables.variable_zh,
        scores.score
    from marts.fct_variable_scores as scores
    inner join marts.dim_variables as variables using (variable_code)
    inner join marts.dim_cities as cities using (city_code)
    inner join marts.fct_dimension_scores as dimension_scores using (edition, city_code, dimension_code)
    where scores.edition = '2025' and variables.dimension_code = 'consumer_vitality' and dimension_scores.rank <= 8
)

pivot scores
on variable_zh
using any_value(score)
group by rank, city_code, city_zh, dimension_score
order by rank, city_code
