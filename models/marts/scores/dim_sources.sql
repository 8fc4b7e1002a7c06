select
    sources.source_code,
    sources.title_zh,
    sources.title_en,
    sources.publisher,
    sources.published,
    sources.locator,
    sources.sha256,
    precedence.precedence,
    sources.note as source_note
from {{ ref('sources') }} as sources
left join {{ ref('source_precedence') }} as precedence
    on sources.source_code = precedence.source_code
