-- Raw figures belong to no edition: every edition is told the same.
with figures as (

    select
        'statistic' as measure_kind,
        statistic_code as measure_code,
        cast(year as {{ dbt.type_string() }}) as period,
        city_code as subject_code,
        value
    from {{ ref('int_observations') }}
    union all
    select
        'statistic_growth',
        this_year.statistic_code,
        cast(this_year.year as {{ dbt.type_string() }}),
        this_year.city_code,
        100 * (this_year.value / year_before.value - 1)
    from {{ ref('int_observations') }} as this_year
    inner join {{ ref('int_observations') }} as year_before
        on
            this_year.city_code = year_before.city_code
            and this_year.statistic_code = year_before.statistic_code
            and this_year.year = year_before.year + 1
    where year_before.value > 0
    union all
    select 'bulletin', measure_code, period, subject_code, value
    from {{ ref('fct_bulletin_figures') }}
    where is_preferred and value is not null
    union all
    select 'bulletin_growth', measure_code, period, subject_code, growth
    from {{ ref('fct_bulletin_figures') }}
    where is_preferred and growth is not null

),

-- A stand-in of another year may score a city, but it cannot confirm or contradict a statement.
indicator_values as (

    select distinct
        computed.base_year,
        indicator_values.indicator_code,
        indicator_values.city_code,
        indicator_values.value
    from {{ ref('fct_indicator_values') }} as indicator_values
    inner join {{ ref('dim_editions') }} as computed
        on indicator_values.edition = computed.edition
    where indicator_values.value is not null and not indicator_values.is_stand_in

)

select editions.edition, figures.measure_kind, figures.measure_code, figures.period, figures.subject_code, figures.value
from {{ ref('dim_editions') }} as editions
cross join figures
union all
select editions.edition, 'indicator_value', indicator_values.indicator_code, '', indicator_values.city_code, indicator_values.value
from {{ ref('dim_editions') }} as editions
inner join indicator_values
    on editions.base_year = indicator_values.base_year
union all
select edition, 'total_score', '', '', city_code, score from {{ ref('fct_total_scores') }}
union all
select edition, 'total_rank', '', '', city_code, rank from {{ ref('fct_total_scores') }}
union all
-- 0: below the lowest tier
select edition, 'tier', '', '', city_code, coalesce(tier, 0) from {{ ref('fct_total_scores') }}
union all
select edition, 'dimension_score', dimension_code, '', city_code, score from {{ ref('fct_dimension_scores') }}
union all
select edition, 'dimension_rank', dimension_code, '', city_code, rank from {{ ref('fct_dimension_scores') }}
union all
select edition, 'variable_score', variable_code, '', city_code, score from {{ ref('fct_variable_scores') }}
union all
select edition, 'relative_strength', dimension_code, '', city_code, relative_strength from {{ ref('city_profiles') }}
union all
select edition, 'city_evenness', '', '', city_code, standard_deviation from {{ ref('city_evenness') }}
union all
select edition, 'dimensions_in_top_10', '', '', city_code, dimensions_in_top_10 from {{ ref('city_evenness') }}
union all
select edition, 'dimension_spread', '', '', code, standard_deviation
from {{ ref('score_spread') }}
where level = 'dimension'
union all
select edition, 'dimension_correlation', '', '', concat(least(code_a, code_b), '+', greatest(code_a, code_b)), pearson
from {{ ref('score_correlations') }}
where pair = 'dimension_with_dimension'
union all
select edition, 'total_correlation', '', '', case when code_a = 'total' then code_b else code_a end, pearson
from {{ ref('score_correlations') }}
where pair = 'dimension_with_total'
