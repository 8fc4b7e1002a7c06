-- 我的城市（武汉）与榜首差在哪些维度？
-- In which dimensions does my city, Wuhan, lose to the leader?
--
-- Learn: a running sum over a window, on top of a sum by group: the last row must be the whole gap.
-- Read: a total is a plain sum, so its gap is one of differences. A negative difference is a lead of the
-- city.

with asked as (
    select '武汉' as city_zh
),

by_dimension as (
    select
        parts.dimension_code,
        sum(parts.score) as city_score,
        sum(parts.target_score) as leader_score,
        sum(parts.difference) as difference
    from marts.score_gap_parts as parts
    inner join marts.dim_cities as cities using (city_code)
    inner join asked using (city_zh)
    where parts.edition = '2025' and parts.target = 'leader'
    group by parts.dimension_code
)

select
    dimensions.dimension_zh,
    dimensions.dimension_en,
    by_dimension.city_score,
    by_dimension.leader_score,
    by_dimension.difference,
    sum(by_dimension.difference) over (order by by_dimension.difference desc, dimensions.dimension_no) as so_far
from by_dimension
inner join marts.dim_dimensions as dimensions using (dimension_code)
order by by_dimension.difference desc, dimensions.dimension_no
