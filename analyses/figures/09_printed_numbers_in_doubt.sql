-- 报告印出的数字，哪些有问题？
-- Which printed numbers of the report are in doubt, and why?
--
-- Learn: group by an explanation, count what it covers.
-- Read: what is printed is kept, and told apart: `corrected` is a wrong label, `anomaly` a column that
-- contradicts its own rule. All other printed numbers equal the computed ones.

select
    verdict,
    coalesce(erratum_code, anomaly_code) as code,
    count(*) as numbers,
    string_agg(distinct heading, '、' order by heading) filter (where verdict = 'anomaly') as columns,
    string_agg(distinct city_label, '、' order by city_label) filter (where verdict = 'corrected') as printed_labels
from audit.published_reconciliation
where verdict <> 'equal'
group by verdict, code
order by numbers desc, code
