-- Where every city is covered these scores are the scores of the edition. Where only some are, they tell how
-- the covered ones stand among themselves.
with covered as (

    select
        indicator_values.edition,
        indicator_values.city_code,
        indicators.variable_code,
        indicators.indicator_code,
        indicators.direction,
        variables.scoring_method,
        variables.tie_rule,
        coverage.indicator_count,
        coverage.score_source,
        indicator_values.value,
        indicator_values.is_listed,
        score_levels.points,
        count(*) over (
            partition by indicator_values.edition, indicators.variable_code, indicator_values.city_code
        ) as found_count
    from {{ ref('fct_indicator_values') }} as indicator_values
    inner join {{ ref('indicators') }} as indicators
        on indicator_values.indicator_code = indicators.indicator_code
    inner join {{ ref('variables') }} as variables
        on indicators.variable_code = variables.variable_code
    inner join {{ ref('int_variable_coverage') }} as coverage
        on
            indicator_values.edition = coverage.edition
            and indicators.variable_code = coverage.variable_code
    left join {{ ref('score_levels') }} as score_levels
        on
            indicators.variable_code = score_levels.variable_code
            and indicator_values.value = score_levels.level

),

directed as (

    select
        *,
        case
            when scoring_method = 'level_points' then points
            else {{ directed_value('value', 'direction') }}
        end as directed_value
    from covered
    where found_count = indicator_count

)

select
    edition,
    city_code,
    variable_code,
    indicator_code,
    indicator_count,
    score_source,
    value,
    tie_rule,
    cast({{ variable_score(
        value='directed_value',
        scoring_method='scoring_method',
        tie_rule='tie_rule',
        is_listed='is_listed',
        partition_by='edition, indicator_code',
    ) }} as integer) as score
from directed
