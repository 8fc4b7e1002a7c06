-- 同一篇报道的两个印本，哪里意思不同？
-- Where do two printings of the same article differ in meaning?
--
-- Learn: a comparison stored row by row, filtered by judgement.
-- Read: `sound` names the printing whose wording makes sense, where one can be told from the article itself;
-- empty where it cannot. The figures of both agree.

select
    wording_code,
    wording_a,
    wording_b,
    sound_printing as sound
from audit.bulletin_wording_differences
where changes_meaning
order by source_line_a, wording_code
