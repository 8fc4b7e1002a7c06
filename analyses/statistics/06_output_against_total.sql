-- 人均GDP越高，总积分越高吗？哪些城市比人均GDP所示的更好？
-- Does a higher GDP per capita go with a higher total? Which cities do better than it suggests?
--
-- Learn: a regression line by regr_slope and regr_intercept over a window; residuals are what it leaves.
-- Read: `expected` is the total that the line gives to the city's GDP per capita, `above` how many points it
-- has more. GDP per capita is itself behind one of the 50 variables, and large cities gain in others by their
-- size: the line describes, it explains nothing. Where a city gives no figure of its own, it is GDP over
-- residents.

with figures as (
    select
        cities.city_code,
        cities.city_zh,
        cities.city_en,
        totals.rank,
        totals.score,
        indicator_values.value as gdp_per_capita
    from marts.fct_indicator_values as indicator_values
    inner join marts.fct_total_scores as totals
        on indicator_values.city_code = totals.city_code and totals.edition = '2025'
    inner join marts.dim_cities as cities on indicator_values.city_code = cities.city_code
    where indicator_values.edition = '2025-recomputed' and indicator_values.indicator_code = 'gdp_per_capita'
),

fitted as (
    select
        *,
        corr(score, gdp_per_capita) over () as correlation,
        regr_intercept(score, gdp_per_capita) over ()
        + regr_slope(score, gdp_per_capita) over () * gdp_per_capita as expected
    from figures
),

placed as (
    select
        *,
        row_number() over (order by score - expected desc, city_code) as from_top,
        row_number() over (order by score - expected, city_code) as from_bottom
    from fitted
)

select
    city_zh,
    city_en,
    cast(round(gdp_per_capita) as integer) as gdp_per_capita,
    rank,
    score,
    cast(round(expected) as integer) as expected,
    cast(round(score - expected) as integer) as above,
    round(correlation, 2) as correlation
from placed
where from_top <= 4 or from_bottom <= 4
order by from_top
