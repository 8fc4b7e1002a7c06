-- What a statement can be about, by kind and code; kinds that need no code or label say themselves what they are.
select
    'indicator_value' as measure_kind,
    indicator_code as measure_code,
    indicator_zh as measure_zh,
    indicator_en as measure_en
from {{ ref('dim_indicators') }}
union all
select
    'variable_score' as measure_kind,
    variable_code as measure_code,
    variable_zh as measure_zh,
    variable_en as measure_en
from {{ ref('dim_variables') }}
{%- for kind in ['dimension_score', 'dimension_rank', 'relative_strength'] %}
    union all
    select
        '{{ kind }}' as measure_kind,
        dimension_code as measure_code,
        dimension_zh as measure_zh,
        dimension_en as measure_en
    from {{ ref('dim_dimensions') }}
{%- endfor %}
union all
select
    'statistic' as measure_kind,
    statistic_code as measure_code,
    statistic_zh as measure_zh,
    statistic_en as measure_en
from {{ ref('dim_statistics') }}
union all
select
    'statistic_growth' as measure_kind,
    statistic_code as measure_code,
    statistic_zh || '（增速）' as measure_zh,
    statistic_en || ' (growth)' as measure_en
from {{ ref('dim_statistics') }}
union all
select
    'bulletin' as measure_kind,
    measure_code,
    measure_zh,
    measure_en
from {{ ref('bulletin_measures') }}
union all
select
    'bulletin_growth' as measure_kind,
    measure_code,
    measure_zh || '（增速）' as measure_zh,
    measure_en || ' (growth)' as measure_en
from {{ ref('bulletin_measures') }}
