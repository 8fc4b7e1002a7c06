-- 报道中2026年第一季度各城市GDP增速如何，与总排名比较？
-- How fast did cities grow in the first quarter of 2026, by press articles, and where do they stand in the index?
--
-- Learn: a left join keeps figures of cities that the index does not have.
-- Read: only the cities that an article names: no ranking of growth can be made from them. The index rests
-- mostly on 2024, so this is another period, and a quarter's figure is preliminary.

select
    figures.subject_zh as city_zh,
    figures.subject_en as city_en,
    figures.value as gdp,
    figures.unit_en,
    figures.growth,
    totals.rank as index_rank
from marts.fct_bulletin_figures as figures
left join marts.fct_total_scores as totals on figures.city_code = totals.city_code and totals.edition = '2025'
where
    figures.is_preferred
    and figures.subject_kind = 'city'
    and figures.measure_code = 'gdp'
    and figures.period = '2026-Q1'
order by figures.growth desc, figures.subject_code
