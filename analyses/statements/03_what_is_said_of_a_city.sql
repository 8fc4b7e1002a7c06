-- 报告对我的城市（温州）说了什么，成立吗？
-- What does the text say of my city, Wenzhou, and does it hold?
--
-- Learn: from subject to statement through a table between them; distinct, for a city may be named twice in
-- one statement.
-- Read: the verdict is of the whole statement, which may name other cities too; `fits` is of this city.
-- Empty: not known, or nothing to fit.

with asked as (
    select '温州' as city_zh
)

select distinct
    checks.finding_code,
    checks.statement_en,
    checks.verdict,
    evidence.fits
from audit.finding_evidence as evidence
inner join audit.finding_checks as checks using (edition, finding_code)
inner join marts.dim_cities as cities on evidence.subject_code = cities.city_code
inner join asked using (city_zh)
where evidence.edition = '2025' and evidence.role in ('named', 'than', 'part', 'whole')
order by checks.finding_code, evidence.fits
