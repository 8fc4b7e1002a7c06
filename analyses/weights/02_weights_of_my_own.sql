-- 怎样用自己的权重表重新加总？
-- How do I add up the scores with a table of weights of my own?
--
-- Learn: values make a small table in the query; what is not in it gets weight 1 by a left join.
-- Read: the same as marts.what_if(urban_resilience := 2, green_low_carbon := 2, culture_and_life := 2),
-- written out. The weighted mean is put back on the scale of the total by the number of dimensions.

with weights (dimension_code, weight) as (
    values
    ('urban_resilience', 2),
    ('green_low_carbon', 2),
    ('culture_and_life', 2)
),

weighted as (
    select
        scores.city_code,
        round(count(*) * sum(coalesce(weights.weight, 1) * scores.score) / sum(coalesce(weights.weight, 1)), 9) as score
    from marts.fct_dimension_scores as scores
    left join weights using (dimension_code)
    where scores.edition = '2025'
    group by scores.city_code
)

select
    rank() over (order by weighted.score desc) as rank,
    cities.city_zh,
    cities.city_en,
    round(weighted.score, 1) as score,
    totals.rank as official_rank
from weighted
inner join marts.dim_cities as cities using (city_code)
inner join marts.fct_total_scores as totals on weighted.city_code = totals.city_code and totals.edition = '2025'
order by rank, cities.city_code
limit 10
