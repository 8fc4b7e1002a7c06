-- 我的城市（宁波）在各维度领先百分之几的城市？
-- What percentage of the other cities does my city, Ningbo, leave behind in each dimension?
--
-- Learn: percent_rank() gives each row its place between 0 and 1. Window first, pick the city after, or it
-- competes with itself alone.
-- Read: 100 would be first with nobody level, 0 last. Cities that are level are not left behind.

with asked as (
    select '宁波' as city_zh
),

places as (
    select
        city_code,
        dimension_code,
        score,
        rank,
        percent_rank() over (partition by dimension_code order by score) as share_behind,
        count(*) over (partition by dimension_code, score) - 1 as level_with
    from marts.fct_dimension_scores
    where edition = '2025'
)

select
    dimensions.dimension_zh,
    places.score,
    places.rank,
    places.level_with,
    round(100 * places.share_behind, 1) as percent_behind
from places
inner join marts.dim_cities as cities using (city_code)
inner join marts.dim_dimensions as dimensions using (dimension_code)
inner join asked using (city_zh)
order by percent_behind desc, dimensions.dimension_no
