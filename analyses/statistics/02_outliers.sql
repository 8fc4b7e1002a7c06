-- 哪些城市在某个维度上明显偏离自己的总体水平？
-- Which cities are far off their own level in a dimension?
--
-- Learn: standardise with avg() and stddev_pop() over a window, then compare two standardised numbers.
-- Read: the dimension score and the total, each as deviations from the mean in units of its own spread; `off`
-- is how far they are apart. It is not a test of anything: with 600 pairs, some are far apart anyway.

with standardised as (
    select
        scores.city_code,
        scores.dimension_code,
        scores.rank,
        totals.rank as total_rank,
        (scores.score - avg(scores.score) over places) / stddev_pop(scores.score) over places as in_dimension,
        (totals.score - avg(totals.score) over places) / stddev_pop(totals.score) over places as in_total
    from marts.fct_dimension_scores as scores
    inner join marts.fct_total_scores as totals using (edition, city_code)
    where scores.edition = '2025'
    window places as (partition by scores.dimension_code)
)

select
    cities.city_zh,
    dimensions.dimension_zh,
    standardised.rank,
    standardised.total_rank,
    round(standardised.in_dimension, 2) as in_dimension,
    round(standardised.in_total, 2) as in_total,
    round(standardised.in_dimension - standardised.in_total, 2) as off
from standardised
inner join marts.dim_cities as cities using (city_code)
inner join marts.dim_dimensions as dimensions using (dimension_code)
order by abs(off) desc, cities.city_code, dimensions.dimension_no
limit 10
