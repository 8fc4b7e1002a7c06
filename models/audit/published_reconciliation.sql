with cells as (

    select * from {{ ref('stg_published_cells') }}

),

computed as (

    select
        cells.*,
        cast(case
            when cells.measure = 'variable_score' then rule_scores.rule_score
            when cells.measure = 'dimension_score' then dimension_scores.score
            when cells.measure = 'rank' and cells.dimension_code is not null then dimension_scores.rank
            when cells.measure = 'rank' then total_scores.rank
            when cells.measure = 'total_score' then total_scores.score
        end as integer) as computed_value
    from cells
    left join {{ ref('int_published_rule_scores') }} as rule_scores
        on
            cells.edition = rule_scores.edition
            and cells.city_code = rule_scores.city_code
            and cells.variable_code = rule_scores.variable_code
    left join {{ ref('fct_dimension_scores') }} as dimension_scores
        on
            cells.edition = dimension_scores.edition
            and cells.city_code = dimension_scores.city_code
            and cells.dimension_code = dimension_scores.dimension_code
    left join {{ ref('fct_total_scores') }} as total_scores
        on
            cells.edition = total_scores.edition
            and cells.city_code = total_scores.city_code

),

explained as (

    select
        computed.*,
        errata.reason_en,
        -- an anomaly of one cell says more than one of the whole column
        coalesce(cell_anomalies.anomaly_code, column_anomalies.anomaly_code) as anomaly_code,
        coalesce(cell_anomalies.explanation_en, column_anomalies.explanation_en) as explanation_en,
        cell_anomalies.anomaly_code is not null as is_named
    from computed
    left join {{ ref('published_errata') }} as errata
        on computed.erratum_code = errata.erratum_code
    left join {{ ref('published_anomalies') }} as cell_anomalies
        on
            computed.table_code = cell_anomalies.table_code
            and computed.heading = cell_anomalies.heading
            and computed.city_code = cell_anomalies.city_code
    left join {{ ref('published_anomalies') }} as column_anomalies
        on
            computed.table_code = column_anomalies.table_code
            and computed.heading = column_anomalies.heading
            and column_anomalies.city_code is null

),

judged as (

    select
        explained.*,
        case
            when explained.is_named then 'anomaly'
            when explained.value = explained.computed_value
                then case when explained.erratum_code is null then 'equal' else 'corrected' end
            when explained.anomaly_code is not null then 'anomaly'
            else 'unexplained'
        end as verdict
    from explained

)

select
    judged.edition,
    judged.table_code,
    judged.row_no,
    judged.heading,
    judged.city_code,
    judged.dimension_code,
    judged.variable_code,
    judged.measure,
    judged.city_label,
    judged.printed_value,
    judged.computed_value,
    judged.verdict,
    case when judged.verdict <> 'equal' then judged.erratum_code end as erratum_code,
    case when judged.verdict = 'anomaly' then judged.anomaly_code end as anomaly_code,
    case judged.verdict
        when 'corrected' then judged.reason_en
        when 'anomaly' then judged.explanation_en
    end as explanation,
    editions.source_code,
    published_tables.chapter_page,
    judged.source_line
from judged
inner join {{ ref('published_tables') }} as published_tables
    on judged.table_code = published_tables.table_code
inner join {{ ref('editions') }} as editions
    on judged.edition = editions.edition
