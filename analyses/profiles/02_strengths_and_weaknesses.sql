-- 每个城市最强和最弱的两个维度是什么？（以四川、重庆、湖北的城市为例）
-- What are the two strongest and the two weakest dimensions of each city, in Sichuan, Chongqing and Hubei?
--
-- Learn: string_agg with filter makes two lists in one pass.
-- Read: strong and weak against the city's own other dimensions: the number is its rank there among all 60
-- cities. The weakest dimension of a good city may be better than the strongest of another.

with named as (
    select
        profiles.total_rank,
        profiles.city_code,
        profiles.city_zh,
        profiles.strength_order,
        profiles.dimension_zh || ' ' || profiles.rank as dimension
    from marts.city_profiles as profiles
    inner join marts.dim_cities as cities using (city_code)
    where profiles.edition = '2025' and cities.province_en in ('Sichuan', 'Chongqing', 'Hubei')
)

select
    total_rank,
    city_zh,
    string_agg(dimension, ', ' order by strength_order) filter (where strength_order <= 2) as strongest,
    string_agg(dimension, ', ' order by strength_order desc) filter (where strength_order >= 9) as weakest
from named
group by total_rank, city_code, city_zh
order by total_rank, city_code
