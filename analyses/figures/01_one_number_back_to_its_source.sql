-- 宁波的“人均经济产出”积分从何而来？从总积分一直追到出处。
-- Where does Ningbo's score in output per capita come from, from the total down to the source?
--
-- Learn: one step a common table expression, laid under each other by union all.
-- Read: each row is a part of the one above it, or what it was made from. Only the recomputed edition goes
-- down to figures: in edition 2025 the printed variable score is the last step, with its line in
-- audit.published_reconciliation.

with asked as (
    select
        '2025-recomputed' as edition,
        '宁波' as city_zh,
        'output_per_capita' as variable_code
),

city as (
    select
        asked.edition,
        cities.city_code,
        variables.*
    from asked
    inner join marts.dim_cities as cities using (city_zh)
    inner join marts.dim_variables as variables using (variable_code)
),

figures as (
    select distinct
        indicators.indicator_no,
        indicator_values.value,
        indicators.unit_en,
        indicators.indicator_en,
        observations.printed_figure,
        observations.printed_unit,
        observations.year,
        sources.title_zh,
        observations.reference
    from city
    inner join marts.dim_indicators as indicators using (variable_code)
    inner join marts.fct_indicator_values as indicator_values using (edition, city_code, indicator_code)
    inner join marts.dim_indicator_terms as terms using (indicator_code, alternative)
    inner join marts.fct_observations as observations
        on
            city.city_code = observations.city_code
            and terms.statistic_code = observations.statistic_code
            and indicator_values.reference_year = observations.year
            and observations.is_used
    inner join marts.dim_sources as sources using (source_code)
),

steps as (
    select
        1 as step,
        'total' as what,
        cast(totals.score as varchar) as number,
        'rank ' || totals.rank as more
    from city
    inner join marts.fct_total_scores as totals using (edition, city_code)
    union all
    select
        2 as step,
        'dimension' as what,
        cast(scores.score as varchar) as number,
        city.dimension_code || ', rank ' || scores.rank as more
    from city
    inner join marts.fct_dimension_scores as scores using (edition, city_code, dimension_code)
    union all
    select
        3 as step,
        'variable' as what,
        cast(scores.score as varchar) as number,
        city.variable_code || ', ' || scores.score_source as more
    from city
    inner join marts.fct_variable_scores as scores using (edition, city_code, variable_code)
    union all
    select
        4 as step,
        'indicator' as what,
        cast(value as varchar) as number,
        unit_en || ', ' || indicator_en as more
    from figures
    union all
    select
        5 as step,
        'figure' as what,
        cast(printed_figure as varchar) as number,
        printed_unit || ', ' || year || ', ' || title_zh as more
    from figures
    union all
    select
        6 as step,
        'place' as what,
        null as number,
        reference as more
    from figures
)

select
    step,
    what,
    number,
    more
from steps
order by step, number, more
