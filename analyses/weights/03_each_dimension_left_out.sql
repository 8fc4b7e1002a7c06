-- 我的城市（南京）的名次靠哪个维度支撑？逐一去掉看看。
-- Which dimension carries the rank of my city, Nanjing? Leave out each in turn.
--
-- Learn: total less dimension for all cities at once, ranked within each dimension left out; the city is
-- picked last.
-- Read: `rank_change` above 0: the city stands better without the dimension, which holds it back. Below 0:
-- the dimension carries it.

with asked as (
    select '南京' as city_zh
),

without as (
    select
        scores.city_code,
        scores.dimension_code,
        totals.rank as official_rank,
        rank() over (partition by scores.dimension_code order by totals.score - scores.score desc) as rank_without
    from marts.fct_dimension_scores as scores
    inner join marts.fct_total_scores as totals using (edition, city_code)
    where scores.edition = '2025'
)

select
    dimensions.dimension_zh,
    dimensions.dimension_en,
    without.official_rank,
    without.rank_without,
    without.official_rank - without.rank_without as rank_change
from without
inner join marts.dim_cities as cities using (city_code)
inner join marts.dim_dimensions as dimensions using (dimension_code)
inner join asked using (city_zh)
order by rank_change, dimensions.dimension_no
