-- 报告的文字与数据是否一致？按维度统计。
-- Does the text of the report agree with the data? By dimension.
--
-- Learn: a left join keeps statements without a dimension, coalesce names them; counts with filter make the
-- columns.
-- Read: statements that cannot be tested are no confirmations: figures are missing. Chapter 0 is the overview
-- of the report, and press articles.

with verdicts as (
    select
        coalesce(dimensions.dimension_no, 0) as chapter_no,
        coalesce(dimensions.dimension_en, 'Overview and press articles') as chapter,
        checks.verdict
    from audit.finding_checks as checks
    left join marts.dim_dimensions as dimensions using (dimension_code)
    where checks.edition = '2025'
)

select
    chapter_no,
    chapter,
    count(*) filter (where verdict = 'confirmed') as confirmed,
    count(*) filter (where verdict = 'partly') as partly,
    count(*) filter (where verdict = 'contradicted') as contradicted,
    count(*) filter (where verdict = 'not_testable_yet') as not_testable_yet
from verdicts
group by chapter_no, chapter
order by chapter_no
