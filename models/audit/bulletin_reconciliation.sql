with figures as (

    select * from {{ ref('fct_bulletin_figures') }}

),

pairs as (

    select
        printing_a.article_code,
        printing_a.source_code as source_code_a,
        printing_b.source_code as source_code_b
    from {{ ref('bulletin_printings') }} as printing_a
    inner join {{ ref('bulletin_printings') }} as printing_b
        on printing_a.article_code = printing_b.article_code
    where printing_a.printing = 'a' and printing_b.printing = 'b'

),

printed as (

    select distinct
        pairs.article_code,
        pairs.source_code_a,
        pairs.source_code_b,
        figures.subject_code,
        figures.measure_code,
        figures.period
    from figures
    inner join pairs
        on figures.article_code = pairs.article_code

),

wordings as (

    select
        article_code,
        subject_code,
        measure_code,
        cast(count(*) as integer) as wording_differences
    from {{ ref('bulletin_wording') }}
    where changes_meaning and measure_code is not null
    group by article_code, subject_code, measure_code

)

select
    printed.article_code,
    printed.subject_code,
    printed.measure_code,
    printed.period,
    printed.source_code_a,
    figures_a.source_line as source_line_a,
    figures_a.value as value_a,
    figures_a.value_qualifier as value_qualifier_a,
    figures_a.growth as growth_a,
    figures_a.growth_qualifier as growth_qualifier_a,
    printed.source_code_b,
    figures_b.source_line as source_line_b,
    figures_b.value as value_b,
    figures_b.value_qualifier as value_qualifier_b,
    figures_b.growth as growth_b,
    figures_b.growth_qualifier as growth_qualifier_b,
    case
        when figures_b.source_code is null then 'only_in_a'
        when figures_a.source_code is null then 'only_in_b'
        when (figures_a.value is distinct from figures_b.value) then 'different'
        when (figures_a.growth is distinct from figures_b.growth) then 'different'
        when (figures_a.value_qualifier is distinct from figures_b.value_qualifier) then 'different'
        when (figures_a.growth_qualifier is distinct from figures_b.growth_qualifier) then 'different'
        else 'equal'
    end as verdict,
    coalesce(wordings.wording_differences, 0) as wording_differences
from printed
left join figures as figures_a
    on
        printed.source_code_a = figures_a.source_code
        and printed.subject_code = figures_a.subject_code
        and printed.measure_code = figures_a.measure_code
        and printed.period = figures_a.period
left join figures as figures_b
    on
        printed.source_code_b = figures_b.source_code
        and printed.subject_code = figures_b.subject_code
        and printed.measure_code = figures_b.measure_code
        and printed.period = figures_b.period
left join wordings
    on
        printed.article_code = wordings.article_code
        and printed.subject_code = wordings.subject_code
        and printed.measure_code = wordings.measure_code
