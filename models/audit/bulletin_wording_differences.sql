select
    wordings.article_code,
    wordings.wording_code,
    printing_a.source_code as source_code_a,
    wordings.source_line_a,
    wordings.wording_a,
    printing_b.source_code as source_code_b,
    wordings.source_line_b,
    wordings.wording_b,
    wordings.changes_meaning,
    wordings.sound_printing,
    wordings.subject_code,
    wordings.measure_code,
    wordings.meaning_zh,
    wordings.meaning_en
from {{ ref('bulletin_wording') }} as wordings
inner join {{ ref('bulletin_printings') }} as printing_a
    on wordings.article_code = printing_a.article_code and printing_a.printing = 'a'
inner join {{ ref('bulletin_printings') }} as printing_b
    on wordings.article_code = printing_b.article_code and printing_b.printing = 'b'
