with scores as (

    select
        edition,
        'total' as level,
        'total' as code,
        cast(null as {{ dbt.type_string() }}) as whole_code,
        '总积分' as label_zh,
        'Total score' as label_en,
        city_code,
        score
    from {{ ref('fct_total_scores') }}

    union all

    select
        dimension_scores.edition,
        'dimension' as level,
        dimension_scores.dimension_code as code,
        'total' as whole_code,
        dimensions.dimension_zh as label_zh,
        dimensions.dimension_en as label_en,
        dimension_scores.city_code,
        dimension_scores.score
    from {{ ref('fct_dimension_scores') }} as dimension_scores
    inner join {{ ref('dim_dimensions') }} as dimensions
        on dimension_scores.dimension_code = dimensions.dimension_code

    union all

    select
        variable_scores.edition,
        'variable' as level,
        variable_scores.variable_code as code,
        variables.dimension_code as whole_code,
        variables.variable_zh as label_zh,
        variables.variable_en as label_en,
        variable_scores.city_code,
        variable_scores.score
    from {{ ref('fct_variable_scores') }} as variable_scores
    inner join {{ ref('dim_variables') }} as variables
        on variable_scores.variable_code = variables.variable_code

)

select
    edition,
    level,
    code,
    whole_code,
    label_zh,
    label_en,
    city_code,
    score,
    -- tied cities share the average of the places they span
    cast(
        rank() over (partition by edition, level, code order by score)
        + (count(*) over (partition by edition, level, code, score) - 1) / 2.0 as double
    ) as place
from scores
