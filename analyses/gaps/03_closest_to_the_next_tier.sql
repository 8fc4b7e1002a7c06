-- 哪些城市离上一梯队最近？
-- Which cities are closest to the next tier?
--
-- Learn: a ready table of gaps, filtered by its kind of target.
-- Read: `points_to_tier` are the points that would take the total above the bound, if all others stood still.
-- The gap is to the last city of that tier.

select
    totals.rank,
    cities.city_zh,
    cities.city_en,
    totals.tier,
    gaps.score,
    gaps.points_to_tier,
    last_there.city_zh as last_city_there,
    gaps.gap
from marts.score_gaps as gaps
inner join marts.fct_total_scores as totals using (edition, city_code)
inner join marts.dim_cities as cities using (city_code)
inner join marts.dim_cities as last_there on gaps.target_city_code = last_there.city_code
where gaps.edition = '2025' and gaps.target = 'next_tier'
order by gaps.points_to_tier, cities.city_code
limit 8
