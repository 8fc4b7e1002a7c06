with terms as (

    select
        indicator_code,
        role,
        count(*) as term_count,
        {{ dbt.listagg(
            measure="case when sign < 0 then '- ' when term_no > 1 then '+ ' else '' end || statistic_code",
            delimiter_text="' '",
            order_by_clause="order by term_no",
        ) }} as expression
    from (
        -- number the terms within numerator and denominator, so that the first has no leading +
        select
            indicator_code,
            role,
            sign,
            statistic_code,
            row_number() over (partition by indicator_code, role order by term_no) as term_no
        from {{ ref('indicator_terms') }}
    ) as numbered
    group by indicator_code, role

),

sides as (

    -- parentheses only around the sums of a fraction
    select
        indicator_code,
        role,
        case
            when term_count > 1 and count(*) over (partition by indicator_code) = 2 then '(' || expression || ')'
            else expression
        end as expression
    from terms

)

select
    indicators.indicator_no,
    indicators.indicator_code,
    indicators.variable_code,
    indicators.indicator_zh,
    indicators.indicator_en,
    indicators.unit_zh as unit,
    indicators.unit_en,
    indicators.direction,
    indicators.reference_year,
    indicators.reference_period,
    case when indicators.scale <> 1 then cast(cast(indicators.scale as integer) as varchar) || ' * ' else '' end
    || numerators.expression
    || coalesce(' / ' || denominators.expression, '') as formula,
    indicators.source_zh
from {{ ref('indicators') }} as indicators
inner join sides as numerators
    on
        indicators.indicator_code = numerators.indicator_code
        and numerators.role = 'numerator'
left join sides as denominators
    on
        indicators.indicator_code = denominators.indicator_code
        and denominators.role = 'denominator'
