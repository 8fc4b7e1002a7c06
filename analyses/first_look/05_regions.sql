-- 东部、中部、西部、东北的城市平均排名如何？
-- How do the cities of the four regions fare on average?
--
-- Learn: several aggregates at once; filter counts only some rows.
-- Read: these are means over the cities that the report chose, not over the regions. The east has nine times
-- as many cities here as the northeast, from the first to the last rank: one city more or less moves the mean
-- of a small group a lot.

select
    cities.region_zh,
    cities.region_en,
    count(*) as cities,
    round(avg(totals.score), 1) as mean_score,
    median(totals.rank) as median_rank,
    min(totals.rank) as best_rank,
    count(*) filter (where totals.rank <= 20) as in_first_20
from marts.fct_total_scores as totals
inner join marts.dim_cities as cities using (city_code)
where totals.edition = '2025'
group by cities.region_zh, cities.region_en
order by mean_score desc, cities.region_en
