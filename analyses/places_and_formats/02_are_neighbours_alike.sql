-- 相邻城市的积分结构更相似吗？
-- Are cities that lie close together built alike?
--
-- Learn: all pairs once by `<`; classes of distance; an aggregate of an aggregate.
-- Read: hardly. `unlike` is the distance of profiles that marts.city_peers uses, 0 for the same profile; if
-- nearness mattered much, it would grow a lot from row to row. Each city is in 59 pairs, so the rows are not
-- independent.

with pairs as (
    select
        mine.city_code,
        theirs.city_code as other_code,
        2 * 6371 * asin(sqrt(
            sin(radians(theirs.latitude - mine.latitude) / 2) ** 2
            + cos(radians(mine.latitude)) * cos(radians(theirs.latitude))
            * sin(radians(theirs.longitude - mine.longitude) / 2) ** 2
        )) as kilometres
    from marts.dim_cities as mine
    inner join marts.dim_cities as theirs on mine.city_code < theirs.city_code
),

compared as (
    select
        pairs.city_code,
        pairs.other_code,
        pairs.kilometres,
        stddev_pop(mine.score - theirs.score) as unlike
    from pairs
    inner join marts.fct_dimension_scores as mine on pairs.city_code = mine.city_code and mine.edition = '2025'
    inner join marts.fct_dimension_scores as theirs
        on
            pairs.other_code = theirs.city_code
            and mine.edition = theirs.edition
            and mine.dimension_code = theirs.dimension_code
    group by pairs.city_code, pairs.other_code, pairs.kilometres
)

select
    case
        when kilometres < 200 then '1 below 200 km'
        when kilometres < 500 then '2 below 500 km'
        when kilometres < 1000 then '3 below 1,000 km'
        when kilometres < 2000 then '4 below 2,000 km'
        else '5 2,000 km and more'
    end as apart,
    count(*) as pairs,
    round(avg(unlike), 1) as mean_unlike,
    round(median(unlike), 1) as median_unlike
from compared
group by apart
order by apart
