-- 我的城市（徐州）前后各三名是谁，差多少分？
-- Who stands just above and below my city, Xuzhou, and how far away?
--
-- Learn: row_number() gives each city a place of its own, so that places can be subtracted.
-- Read: `points` is the score less that of the city asked for. Neighbours in the table may lie far apart, or
-- level.

with asked as (
    select '徐州' as city_zh
),

placed as (
    select
        city_zh,
        city_en,
        total_rank,
        total_score,
        row_number() over (order by total_rank, city_code) as place
    from marts.city_scorecards
    where edition = '2025'
),

mine as (
    select
        placed.place,
        placed.total_score
    from placed
    inner join asked using (city_zh)
)

select
    placed.total_rank,
    placed.city_zh,
    placed.city_en,
    placed.total_score,
    placed.total_score - mine.total_score as points
from placed
inner join mine on abs(placed.place - mine.place) <= 3
order by placed.place
