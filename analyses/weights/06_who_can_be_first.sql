-- 除榜首外，哪些城市在某种权重下可以排第一，需要多大的倾斜？
-- Which cities besides the leader could be first under some weights, and how lopsided must these be?
--
-- Learn: arg_max returns the label that belongs to a maximum.
-- Read: equal weights are 0.1 each; given are those that put the city first and are nearest to equal ones. A
-- city that is not here cannot be first under any weights, which is proved, not sampled.

select
    totals.rank as official_rank,
    cities.city_zh,
    cities.city_en,
    round(max(needed.weight_needed), 3) as largest_weight,
    arg_max(dimensions.dimension_zh, needed.weight_needed) as of_dimension,
    round(min(needed.weight_needed), 3) as smallest_weight
from marts.first_place_weights as needed
inner join marts.fct_total_scores as totals using (edition, city_code)
inner join marts.dim_cities as cities using (city_code)
inner join marts.dim_dimensions as dimensions using (dimension_code)
where needed.edition = '2025' and needed.first_place = 'possible' and totals.rank > 1
group by totals.rank, cities.city_code, cities.city_zh, cities.city_en
order by totals.rank, cities.city_code
