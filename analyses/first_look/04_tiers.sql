-- 各梯队有多少城市，分数从多少到多少？
-- How many cities are in each tier, and what scores do they have?
--
-- Learn: group by with min and max; a missing tier (NULL) is a group of its own and sorts where you say.
-- Read: the report names three tiers, by bounds of 2,400, 2,000 and 1,500 points. The cities below have none:
-- NULL is not tier 4.

select
    tier,
    count(*) as cities,
    max(score) as highest,
    min(score) as lowest
from marts.fct_total_scores
where edition = '2025'
group by tier
order by tier nulls last
