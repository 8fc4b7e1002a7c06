-- What an edition says of itself: kind of measure, its code, the subject, the value, and where it stands.
{%- set edition_measures = [
    ('total_score', "''", 'city_code', 'score', ref('fct_total_scores')),
    ('total_rank', "''", 'city_code', 'rank', ref('fct_total_scores')),
    ('tier', "''", 'city_code', 'coalesce(tier, 0)', ref('fct_total_scores')),
    ('dimension_score', 'dimension_code', 'city_code', 'score', ref('fct_dimension_scores')),
    ('dimension_rank', 'dimension_code', 'city_code', 'rank', ref('fct_dimension_scores')),
    ('variable_score', 'variable_code', 'city_code', 'score', ref('fct_variable_scores')),
    ('relative_strength', 'dimension_code', 'city_code', 'relative_strength', ref('city_profiles')),
    ('city_evenness', "''", 'city_code', 'standard_deviation', ref('city_evenness')),
    ('dimensions_in_top_10', "''", 'city_code', 'dimensions_in_top_10', ref('city_evenness')),
    ('dimension_spread', "''", 'code', 'standard_deviation',
        '(select * from ' ~ ref('score_spread') ~ " where level = 'dimension') as spread"),
    ('dimension_correlation', "''", "least(code_a, code_b) || '+' || greatest(code_a, code_b)", 'pearson',
        '(select * from ' ~ ref('score_correlations') ~ " where pair = 'dimension_with_dimension') as correlations"),
    ('total_correlation', "''", 'code_a', 'pearson',
        '(select * from ' ~ ref('score_correlations') ~ " where pair = 'dimension_with_total') as correlations"),
] %}
with raw_figures as (

    select
        'statistic' as measure_kind,
        statistic_code as measure_code,
        cast(year as {{ dbt.type_string() }}) as period,
        city_code as subject_code,
        value
    from {{ ref('int_observations') }}
    union all
    select
        'statistic_growth' as measure_kind,
        this_year.statistic_code as measure_code,
        cast(this_year.year as {{ dbt.type_string() }}) as period,
        this_year.city_code as subject_code,
        100 * (this_year.value / year_before.value - 1) as value
    from {{ ref('int_observations') }} as this_year
    inner join {{ ref('int_observations') }} as year_before
        on
            this_year.city_code = year_before.city_code
            and this_year.statistic_code = year_before.statistic_code
            and this_year.year = year_before.year + 1
    where year_before.value > 0
    union all
    select
        'bulletin' as measure_kind,
        measure_code,
        period,
        subject_code,
        value
    from {{ ref('fct_bulletin_figures') }}
    where is_preferred and value is not null
    union all
    select
        'bulletin_growth' as measure_kind,
        measure_code,
        period,
        subject_code,
        growth as value
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

-- raw figures belong to no edition: each is told those of its own cities, and all that are of no city
select
    editions.edition,
    raw_figures.measure_kind,
    raw_figures.measure_code,
    raw_figures.period,
    raw_figures.subject_code,
    raw_figures.value
from {{ ref('dim_editions') }} as editions
cross join raw_figures
left join {{ ref('cities') }} as cities
    on raw_figures.subject_code = cities.city_code
left join {{ ref('edition_cities') }} as edition_cities
    on
        editions.edition = edition_cities.edition
        and raw_figures.subject_code = edition_cities.city_code
where cities.city_code is null or edition_cities.city_code is not null
union all
select
    editions.edition,
    'indicator_value' as measure_kind,
    indicator_values.indicator_code as measure_code,
    '' as period,
    indicator_values.city_code as subject_code,
    indicator_values.value
from {{ ref('dim_editions') }} as editions
inner join indicator_values
    on editions.base_year = indicator_values.base_year
inner join {{ ref('edition_cities') }} as edition_cities
    on
        editions.edition = edition_cities.edition
        and indicator_values.city_code = edition_cities.city_code
{%- for kind, code, subject, value, relation in edition_measures %}
    union all
    select
        edition,
        '{{ kind }}' as measure_kind,
        {{ code }} as measure_code,
        '' as period,
        {{ subject }} as subject_code,
        {{ value }} as value
    from {{ relation }}
    where {{ value }} is not null
{%- endfor %}
