-- 离我的城市（郑州）最近的入选城市是哪些？
-- Which cities of the index are nearest to mine, Zhengzhou?
--
-- Learn: great-circle distance from longitude and latitude by the haversine formula, no extension needed.
-- Read: kilometres in a straight line between city points on a sphere, not by road or rail; the points are
-- those that GeoNames has for the cities.

with asked as (
    select '郑州' as city_zh
),

distances as (
    select
        theirs.city_code,
        theirs.city_zh,
        theirs.city_en,
        theirs.province_zh,
        2 * 6371 * asin(sqrt(
            sin(radians(theirs.latitude - mine.latitude) / 2) ** 2
            + cos(radians(mine.latitude)) * cos(radians(theirs.latitude))
            * sin(radians(theirs.longitude - mine.longitude) / 2) ** 2
        )) as kilometres
    from marts.dim_cities as mine
    inner join asked using (city_zh)
    inner join marts.dim_cities as theirs on mine.city_code <> theirs.city_code
)

select
    distances.city_zh,
    distances.city_en,
    distances.province_zh,
    round(distances.kilometres) as kilometres,
    totals.rank
from distances
inner join marts.fct_total_scores as totals on distances.city_code = totals.city_code and totals.edition = '2025'
order by distances.kilometres, distances.city_code
limit 6
