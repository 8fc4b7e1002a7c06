-- 在几乎所有权重下，排名都在前十的城市有哪些？
-- Which cities are among the first ten under nearly all weights, and which hardly ever?
--
-- Learn: bands by case, counted and listed.
-- Read: the share of 10,000 rankings under evenly drawn weights in which a city is among the first ten. It is
-- no chance of the future. A city that never was there in the draws may still be there under weights that
-- were not drawn.

with bands as (
    select
        ranks.official_rank,
        cities.city_zh,
        case
            when ranks.probability_top_10 >= 0.95 then '1 in at least 95 %'
            when ranks.probability_top_10 >= 0.5 then '2 in at least 50 %'
            when ranks.probability_top_10 >= 0.05 then '3 in at least 5 %'
            when ranks.probability_top_10 > 0 then '4 in some'
            else '5 in none'
        end as among_first_ten
    from marts.rank_robustness as ranks
    inner join marts.dim_cities as cities using (city_code)
    where ranks.edition = '2025' and ranks.scenario = 'uniform_weights'
)

select
    among_first_ten,
    count(*) as cities,
    min(official_rank) as best_official_rank,
    max(official_rank) as worst_official_rank,
    case when count(*) <= 12 then string_agg(city_zh, ' ' order by official_rank, city_zh) end as which
from bands
group by among_first_ten
order by among_first_ten
