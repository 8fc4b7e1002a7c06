select
    figures.source_code,
    printings.article_code,
    printings.printing,
    row_number() over (
        partition by figures.subject_code, figures.measure_code, figures.period
        order by printings.precedence
    ) = 1 as is_preferred,
    figures.source_line,
    figures.subject_code,
    subjects.subject_kind,
    subjects.subject_zh,
    subjects.subject_en,
    subjects.city_code,
    figures.measure_code,
    measures.measure_zh,
    measures.measure_en,
    figures.period,
    figures.value,
    measures.unit_zh,
    measures.unit_en,
    figures.value_qualifier,
    figures.value_printed,
    figures.growth,
    figures.growth_qualifier,
    figures.growth_printed,
    figures.note
from {{ ref('bulletin_figures') }} as figures
inner join {{ ref('bulletin_printings') }} as printings
    on figures.source_code = printings.source_code
inner join {{ ref('bulletin_subjects') }} as subjects
    on figures.subject_code = subjects.subject_code
inner join {{ ref('bulletin_measures') }} as measures
    on figures.measure_code = measures.measure_code
