with variances as (

    select
        items.edition,
        wholes.level,
        wholes.code,
        wholes.label_zh,
        wholes.label_en,
        items.code as item_code,
        items.level || '_with_' || wholes.level as pair,
        var_pop(items.score) as item_variance,
        var_pop(wholes.score) as whole_variance,
        var_pop(wholes.score - items.score) as rest_variance
    from {{ ref('int_level_scores') }} as items
    inner join {{ ref('int_level_scores') }} as wholes
        on
            items.edition = wholes.edition
            and items.city_code = wholes.city_code
            and items.whole_code = wholes.code
            and (
                (items.level = 'variable' and wholes.level = 'dimension')
                or (items.level = 'dimension' and wholes.level = 'total')
            )
    group by
        items.edition, wholes.level, wholes.code, wholes.label_zh, wholes.label_en, items.code, items.level

),

-- the weakest item goes least with the rest; one without a correlation is no candidate
ordered as (

    select
        variances.*,
        correlations.pearson_rest,
        count(*) over (partition by variances.edition, variances.level, variances.code) as item_count,
        sum(variances.item_variance) over (partition by variances.edition, variances.level, variances.code)
            as item_variances,
        row_number() over (
            partition by variances.edition, variances.level, variances.code
            order by
                case when correlations.pearson_rest is null then 1 else 0 end,
                round(correlations.pearson_rest, 9),
                variances.item_code
        ) as weakness
    from variances
    inner join {{ ref('score_correlations') }} as correlations
        on
            variances.edition = correlations.edition
            and variances.pair = correlations.pair
            and variances.item_code = correlations.code_a
            and variances.code = correlations.code_b

)

select
    edition,
    level,
    code,
    label_zh,
    label_en,
    cast(item_count as integer) as item_count,
    case
        when item_count > 1 and whole_variance > 0
            then item_count * (1 - item_variances / whole_variance) / (item_count - 1)
    end as cronbach_alpha,
    case when pearson_rest is not null then item_code end as weakest_item_code,
    pearson_rest as weakest_item_correlation,
    case
        when pearson_rest is not null and item_count > 2 and rest_variance > 0
            then (item_count - 1) * (1 - (item_variances - item_variance) / rest_variance) / (item_count - 2)
    end as alpha_without_weakest
from ordered
where weakness = 1
