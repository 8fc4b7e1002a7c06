-- 换一套权重，名次会变多少？看排名最不稳的城市。
-- How far do ranks hang on the weights? The cities whose ranks hang on them most.
--
-- Learn: an interval as the difference of two percentiles, from a table of 10,000 rankings.
-- Read: in at least 90 of 100 rankings, under weights drawn evenly from all there are, the city stands
-- between p05 and p95. A wide interval does not mean that the rank is wrong: it means that the city is strong
-- and weak in different dimensions.

select
    cities.city_zh,
    cities.city_en,
    ranks.official_rank,
    ranks.rank_p05 as p05,
    ranks.rank_median as median,
    ranks.rank_p95 as p95,
    ranks.rank_p95 - ranks.rank_p05 as width
from marts.rank_robustness as ranks
inner join marts.dim_cities as cities using (city_code)
where ranks.edition = '2025' and ranks.scenario = 'uniform_weights'
order by width desc, ranks.official_rank, cities.city_code
limit 10
