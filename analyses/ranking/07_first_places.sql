-- 在50个变量中，哪些城市得到第一最多？
-- Which cities are first in most of the 50 variables?
--
-- Learn: rank in every variable, keep the firsts, then count them by city.
-- Read: `shared` counts those where other cities are level. The first is the city with the highest score
-- there is, which need not be 60. Only cities with two or more are shown.

with places as (
    select
        city_code,
        rank() over (partition by variable_code order by score desc) as place,
        count(*) over (partition by variable_code, score) as cities_level
    from marts.fct_variable_scores
    where edition = '2025'
)

select
    cities.city_zh,
    cities.city_en,
    count(*) as first_places,
    count(*) filter (where places.cities_level > 1) as shared
from places
inner join marts.dim_cities as cities using (city_code)
where places.place = 1
group by cities.city_code, cities.city_zh, cities.city_en
having count(*) >= 2
order by first_places desc, shared, cities.city_code
