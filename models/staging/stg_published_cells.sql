with printed as (

    {{ printed_cells() }}

),

cells as (

    select
        published_tables.edition,
        printed.table_code,
        published_tables.dimension_code,
        printed.row_no,
        printed.source_line,
        printed.city_label,
        printed.heading,
        case printed.heading
            when '排序' then 'rank'
            when '维度积分' then 'dimension_score'
            when '总积分' then 'total_score'
            else case when published_tables.dimension_code is null then 'dimension_score' else 'variable_score' end
        end as measure,
        printed.printed_value
    from printed
    inner join {{ ref('published_tables') }} as published_tables
        on printed.table_code = published_tables.table_code

),

corrected as (

    select
        cells.*,
        coalesce(label_errata.corrected_value, cells.city_label) as corrected_label,
        cast(coalesce(value_errata.corrected_value, cast(cells.printed_value as varchar)) as integer) as value,
        coalesce(value_errata.erratum_code, label_errata.erratum_code) as erratum_code
    from cells
    left join {{ ref('published_errata') }} as label_errata
        on
            cells.table_code = label_errata.table_code
            and cells.row_no = label_errata.row_no
            and label_errata.heading = '城市'
    left join {{ ref('published_errata') }} as value_errata
        on
            cells.table_code = value_errata.table_code
            and cells.row_no = value_errata.row_no
            and cells.heading = value_errata.heading

)

select
    corrected.edition,
    corrected.table_code,
    corrected.row_no,
    corrected.heading,
    cities.city_code,
    coalesce(corrected.dimension_code, dimensions.dimension_code) as dimension_code,
    variables.variable_code,
    corrected.measure,
    corrected.city_label,
    corrected.printed_value,
    corrected.value,
    corrected.erratum_code,
    corrected.source_line
from corrected
left join {{ ref('cities') }} as cities
    on corrected.corrected_label = cities.city_zh
left join {{ ref('variables') }} as variables
    on
        corrected.dimension_code = variables.dimension_code
        and corrected.heading = variables.variable_zh
left join {{ ref('dimensions') }} as dimensions
    on
        corrected.dimension_code is null
        and corrected.heading = dimensions.dimension_zh
