-- 这个文件可靠吗？
-- Is this file sound?
--
-- Learn: questions with a known answer make a check: count what should not be there.
-- Read: all of these must be 0 but the first, which is 1: the file knows itself. Anything else, and it should
-- not have been published.

select
    (
        select count(*)
        from ops.releases
        where is_this_release
    ) as this_release,
    (
        select count(*)
        from audit.expectation_results
        where not success
    ) as expectations_failed,
    (
        select count(*)
        from audit.published_reconciliation
        where verdict not in ('equal', 'corrected', 'anomaly')
    ) as printed_numbers_unexplained,
    (
        select count(*)
        from marts.dim_editions as editions
        cross join marts.dim_cities as cities
        left join marts.fct_total_scores as totals
            on editions.edition = totals.edition and cities.city_code = totals.city_code
        where totals.score is null
    ) as totals_missing
