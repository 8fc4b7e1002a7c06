-- 与总排名相近的城市相比，我的城市（潍坊）在哪些变量上落后最多？
-- In which variables is my city, Weifang, furthest behind cities of about its own rank?
--
-- Learn: a join on a range of ranks picks the equals; their median is set beside the city's score.
-- Read: equals are the cities within five ranks of the total, above or below. What is behind them is out of
-- line with the city's own level; the first cities are no useful measure for it.

with asked as (
    select '潍坊' as city_zh
),

mine as (
    select
        totals.edition,
        totals.city_code,
        totals.rank
    from marts.fct_total_scores as totals
    inner join marts.dim_cities as cities using (city_code)
    inner join asked using (city_zh)
    where totals.edition = '2025'
),

equals as (
    select
        theirs.variable_code,
        count(*) as cities,
        median(theirs.score) as median_score
    from mine
    inner join marts.fct_total_scores as totals
        on
            mine.edition = totals.edition
            and mine.city_code <> totals.city_code
            and abs(mine.rank - totals.rank) <= 5
    inner join marts.fct_variable_scores as theirs
        on totals.edition = theirs.edition and totals.city_code = theirs.city_code
    group by theirs.variable_code
)

select
    variables.variable_zh,
    variables.variable_en,
    scores.score,
    equals.cities,
    equals.median_score,
    scores.score - equals.median_score as difference
from mine
inner join marts.fct_variable_scores as scores using (edition, city_code)
inner join equals using (variable_code)
inner join marts.dim_variables as variables using (variable_code)
order by difference, variables.variable_no
limit 8
