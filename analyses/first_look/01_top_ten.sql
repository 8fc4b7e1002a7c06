-- 总积分前十名是哪些城市？
-- Which cities are the first ten by total score?
--
-- Learn: where picks the edition, order by and limit pick the rows.
-- Read: the report adds ten dimension scores without weights. Points are places, not amounts: 上海 is ahead of
-- 北京 by 11 points, which says nothing of how much larger anything is. Always name an edition, or each city
-- comes twice.

select
    total_rank,
    city_zh,
    city_en,
    total_score
from marts.city_scorecards
where edition = '2025'
order by total_rank, city_code
limit 10
