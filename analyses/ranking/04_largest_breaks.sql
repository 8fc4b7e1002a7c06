-- 总积分在哪些名次之间落差最大？
-- Between which ranks does the total score fall most?
--
-- Learn: lead() looks at the next row; the result of a window is sorted like any other column.
-- Read: a fall is a natural place for a bound between groups of cities. Compare the bounds of the tiers,
-- 2,400, 2,000 and 1,500.

select
    total_rank,
    city_zh,
    total_score,
    lead(city_zh) over by_score as next_city,
    lead(total_score) over by_score as next_score,
    total_score - lead(total_score) over by_score as fall
from marts.city_scorecards
where edition = '2025'
window by_score as (order by total_score desc, city_code)
order by fall desc nulls last, total_rank
limit 8
