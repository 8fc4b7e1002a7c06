-- 怎样为网页输出一个城市一个JSON？
-- How do I write one JSON object a city, for a web page?
--
-- Learn: a list of pairs becomes a map, and a map becomes a JSON object.
-- Read: keys come in the report's order. City codes are text: do not let a program make numbers of them.

with listed as (
    select
        profiles.city_code,
        profiles.city_zh,
        profiles.total_rank,
        map_from_entries(list(row(profiles.dimension_code, profiles.score) order by dimensions.dimension_no)) as scores
    from marts.city_profiles as profiles
    inner join marts.dim_dimensions as dimensions using (dimension_code)
    where profiles.edition = '2025' and profiles.total_rank <= 3
    group by profiles.city_code, profiles.city_zh, profiles.total_rank
)

select json_object('code', city_code, 'city', city_zh, 'rank', total_rank, 'scores', scores) as city
from listed
order by total_rank, city_code
