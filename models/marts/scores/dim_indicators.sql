with terms as (

    -- alternative 1 is the report's own formula
    select
        indicator_code,
        role,
        count(*) as term_count,
        {{ dbt.listagg(
            measure="case when coefficient < 0 then '- ' when place > 1 then '+ ' else '' end || factor || statistic_code",
            delimiter_text="' '",
            order_by_clause="order by place",
        ) }} as expression
    from (
        -- number the terms within numerator and denominator, so that the first has no leading +
        select
            indicator_code,
            role,
            coefficient,
            statistic_code,
            case
                when abs(coefficient) = 1 then ''
                when coefficient = cast(coefficient as integer)
                    then cast(cast(abs(coefficient) as integer) as varchar) || ' * '
                else cast(abs(coefficient) as varchar) || ' * '
            end as factor,
            row_number() over (partition by indicator_code, role order by term_no) as place
        from {{ ref('indicator_terms') }}
        where alternative = 1
    ) as numbered
    group by indicator_code, role

),

sides as (

    -- parentheses only around the sums of a fraction, and around products below its bar
    select
        indicator_code,
        role,
        case
            when
                count(*) over (partition by indicator_code) = 2
                and (term_count > 1 or (role = 'denominator' and expression like '% * %'))
                then '(' || expression || ')'
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
    numerators.expression || coalesce(' / ' || denominators.expression, '') as formula,
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
