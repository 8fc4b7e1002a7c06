-- 只用Parquet文件，怎样算出每个省份的最好名次？
-- With Parquet files alone: which province has its best city at what rank?
--
-- Learn: files join like tables.
-- Read: the first ten provinces by their best city. Municipalities are provinces of one city.

select
    cities.province_zh,
    cities.province_en,
    count(*) as cities,
    min(totals.rank) as best_rank,
    arg_min(cities.city_zh, totals.rank) as best_city
from read_parquet('releases/current/parquet/marts/fct_total_scores.parquet') as totals
inner join read_parquet('releases/current/parquet/marts/dim_cities.parquet') as cities using (city_code)
where totals.edition = '2025'
group by cities.province_zh, cities.province_en
order by best_rank
limit 10
